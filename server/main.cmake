set(DMGRD_SOURCES ${CMAKE_CURRENT_LIST_DIR}/main.cc ${CMAKE_CURRENT_LIST_DIR}/daemon.cc
    ${CMAKE_CURRENT_LIST_DIR}/backup_command.cc ${CMAKE_CURRENT_LIST_DIR}/backup_file.cc
    ${CMAKE_CURRENT_LIST_DIR}/config_check.cc ${CMAKE_CURRENT_LIST_DIR}/config_file.cc
    ${CMAKE_CURRENT_LIST_DIR}/copy_keeper.cc ${CMAKE_CURRENT_LIST_DIR}/high_water.cc
    ${CMAKE_CURRENT_LIST_DIR}/key_commands.cc ${CMAKE_CURRENT_LIST_DIR}/measure.cc
    ${CMAKE_CURRENT_LIST_DIR}/own_database.cc ${CMAKE_CURRENT_LIST_DIR}/reload.cc
    ${CMAKE_CURRENT_LIST_DIR}/restore_command.cc ${CMAKE_CURRENT_LIST_DIR}/shared_keeper.cc)
add_executable(dmgrd ${DMGRD_SOURCES})
dmgr_room(dmgr_config SOURCES ${CMAKE_CURRENT_LIST_DIR}/config.cc
          ${CMAKE_CURRENT_LIST_DIR}/logging.cc
          LIBS dmgr_objects dmgr_common tomlplusplus::tomlplusplus nlohmann_json::nlohmann_json spdlog::spdlog
               absl::time)
dmgr_room(dmgr_service_manager SOURCES ${CMAKE_CURRENT_LIST_DIR}/service_manager.cc
          LIBS PkgConfig::SYSTEMD fmt::fmt absl::time Threads::Threads)
target_link_libraries(dmgrd PRIVATE dmgr_page dmgr_rpc dmgr_metrics dmgr_secrets dmgr_config dmgr_service_manager CLI11::CLI11)
# The dmgrd of the fault campaign (tests/fault): the same rooms, with fault points.
add_executable(dmgrd_faulty EXCLUDE_FROM_ALL ${DMGRD_SOURCES}
               ${CMAKE_CURRENT_LIST_DIR}/fault_points.cc)
target_compile_definitions(dmgrd_faulty PRIVATE DMGR_FAULT_POINTS)
target_link_libraries(dmgrd_faulty PRIVATE dmgr_page dmgr_rpc dmgr_metrics dmgr_secrets dmgr_config dmgr_service_manager CLI11::CLI11)
add_dependencies(dmgrd dmgr-host)
add_dependencies(dmgrd_faulty dmgr-host)
