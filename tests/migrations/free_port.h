// Ports for servers that are told theirs.
#ifndef DMGR_TESTS_MIGRATIONS_FREE_PORT_H_
#define DMGR_TESTS_MIGRATIONS_FREE_PORT_H_

namespace dmgr::testing {

// Of 127.0.0.1, where nobody listens now. Throws std::runtime_error.
int FreePort();

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_MIGRATIONS_FREE_PORT_H_
