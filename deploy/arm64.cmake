# Builds for arm64 on another machine: Debian's cross compiler, and libraries that were unpacked into
# DMGR_ARM64_SYSROOT. See arm64.sh.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES DMGR_ARM64_SYSROOT)

set(ROOT ${DMGR_ARM64_SYSROOT})
set(CMAKE_CXX_STANDARD_INCLUDE_DIRECTORIES ${ROOT}/usr/include/aarch64-linux-gnu ${ROOT}/usr/include)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-L${ROOT}/usr/lib/aarch64-linux-gnu")
# Programs run here, all else is for there.
set(CMAKE_FIND_ROOT_PATH ${ROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
