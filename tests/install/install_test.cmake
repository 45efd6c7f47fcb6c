# Installs a build under a new prefix and builds and runs the examples against it.
#
#   cmake -DBUILD_DIR=... -DWORK_DIR=... -DEXAMPLES_DIR=... -DVERSION=... -DGENERATOR=... \
#     -P install_test.cmake
#
# With -DSOURCE_DIR=... it first builds fluxgate with shared libraries in WORK_DIR and installs
# that.
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${WORK_DIR}/prefix ${WORK_DIR}/library ${WORK_DIR}/embedded_server)
set(example_says_library "\naccepted 4, stock 0\n$")
set(example_says_embedded_server "\nsold at the till: accepted\n$")

# run(WHAT COMMAND...): fails the test, with all output, if the command fails; else `output` is its
# standard output.
function(run what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE out ERROR_VARIABLE err)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${what} failed (${result}):\n${out}\n${err}")
  endif()
  set(output "${out}" PARENT_SCOPE)
endfunction()

function(expect what pattern)
  if(NOT output MATCHES "${pattern}")
    message(FATAL_ERROR "${what}: wanted \"${pattern}\", got \"${output}\"")
  endif()
endfunction()

if(SOURCE_DIR)
  if(NOT "$ENV{FLUXGATE_TEST_LONG}")
    message("SKIPPED: builds everything once more; FLUXGATE_TEST_LONG=1 runs it")
    return()
  endif()
  set(BUILD_DIR ${WORK_DIR}/build)
  run("configuring" ${CMAKE_COMMAND} -G ${GENERATOR} -S ${SOURCE_DIR} -B ${BUILD_DIR}
      -DBUILD_SHARED_LIBS=ON
      -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O0
      -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}
      -DFLUXGATE_BUILD_TESTS=OFF -DFLUXGATE_BUILD_BENCH=OFF -DFLUXGATE_BUILD_EXAMPLES=OFF)
  run("building" ${CMAKE_COMMAND} --build ${BUILD_DIR} --parallel 2)
endif()

run("installing" ${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${WORK_DIR}/prefix)
run("the installed server" ${WORK_DIR}/prefix/bin/fluxgate-server --version)
expect("the installed server" "^fluxgate-server ${VERSION}\n$")

# The examples are projects of their own; a host's warnings must not find anything in our headers.
foreach(example library embedded_server)
  set(build ${WORK_DIR}/${example})
  run("configuring ${example}" ${CMAKE_COMMAND} -G ${GENERATOR} -S ${EXAMPLES_DIR}/${example}
      -B ${build} -DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix -DCMAKE_BUILD_TYPE=Debug
      "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror")
  run("building ${example}" ${CMAKE_COMMAND} --build ${build})
  run("running ${example}" ${build}/example_${example})
  expect("running ${example}" "${example_says_${example}}")
endforeach()
