# Flags of everything that is built here: warnings, sanitizers, the builds for cruelty.
set(PLAIT_WARNINGS -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter)

add_compile_definitions(_GNU_SOURCE)
# Frame pointers and unwind tables: stuck workers and parked coroutines are shown with their frames.
add_compile_options(-fno-omit-frame-pointer -fasynchronous-unwind-tables)
# The version script binds names inside the library, so the compiler may as well.
add_compile_options(-fno-semantic-interposition)

if(PLAIT_SANITIZE)
  add_compile_options(-fsanitize=${PLAIT_SANITIZE} -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=${PLAIT_SANITIZE})
endif()
# Checked mode is on in debug builds, where nobody measures and everybody wants to know.
if(PLAIT_CHECKED)
  add_compile_definitions(PLAIT_CHECKED)
endif()
if(PLAIT_FAULTS)
  add_compile_definitions(PLAIT_FAULTS)
endif()
if(PLAIT_EXPLORE)
  add_compile_definitions(PLAIT_EXPLORE)
endif()
