# SPDX-License-Identifier: Apache-2.0
#
# Reads a Grafana dashboard, which must be valid JSON, and prints what its panels and annotations
# ask, one expression a line: cmake -D DASHBOARD=FILE -P expressions.cmake. CMake is there anyway,
# and reads JSON.
file(READ ${DASHBOARD} dashboard)

# Prints the expressions of all entries of a list, and those of the lists in them.
function(print_all list)
  string(JSON length LENGTH "${dashboard}" ${list})
  math(EXPR last "${length} - 1")
  foreach(i RANGE ${last})
    string(JSON expression ERROR_VARIABLE none GET "${dashboard}" ${list} ${i} expr)
    if(NOT none)
      execute_process(COMMAND ${CMAKE_COMMAND} -E echo "${expression}")
    endif()
    string(JSON targets ERROR_VARIABLE none GET "${dashboard}" ${list} ${i} targets)
    if(NOT none)
      print_all("${list};${i};targets")
    endif()
  endforeach()
endfunction()

print_all(panels)
print_all("annotations;list")
