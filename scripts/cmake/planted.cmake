# Builds a copy of src/ with a known bug in it, to see whether the tests find it (scripts/planted).
# Sets fluxgate_source_dir to the copy. Only files whose text changes get a new time, so that going
# from one bug to the next compiles little.
# "none" is the copy without a bug, to see that the tests succeed then.
set(patch_file ${PROJECT_SOURCE_DIR}/tests/planted/${FLUXGATE_PLANT_BUG}.patch)
if(FLUXGATE_PLANT_BUG STREQUAL "none")
  set(patch_file)
elseif(NOT EXISTS ${patch_file})
  message(FATAL_ERROR "FLUXGATE_PLANT_BUG: there is no ${patch_file}")
endif()
find_program(FLUXGATE_PATCH patch REQUIRED)
mark_as_advanced(FLUXGATE_PATCH)

set(stage ${PROJECT_BINARY_DIR}/planted/stage)
set(fluxgate_source_dir ${PROJECT_BINARY_DIR}/planted/src)
file(REMOVE_RECURSE ${stage})
file(COPY ${PROJECT_SOURCE_DIR}/src DESTINATION ${stage})
if(patch_file)
  execute_process(
    COMMAND ${FLUXGATE_PATCH} -p1 --fuzz=2 --no-backup-if-mismatch --input=${patch_file}
    WORKING_DIRECTORY ${stage} RESULT_VARIABLE patch_result OUTPUT_VARIABLE patch_output
    ERROR_VARIABLE patch_output)
  if(NOT patch_result EQUAL 0)
    message(FATAL_ERROR "${patch_file} does not apply:\n${patch_output}")
  endif()
endif()

file(GLOB_RECURSE files RELATIVE ${stage}/src ${stage}/src/*)
file(GLOB_RECURSE old_files RELATIVE ${fluxgate_source_dir} ${fluxgate_source_dir}/*)
foreach(file IN LISTS old_files)
  if(NOT file IN_LIST files)
    file(REMOVE ${fluxgate_source_dir}/${file})
  endif()
endforeach()
foreach(file IN LISTS files)
  get_filename_component(folder ${fluxgate_source_dir}/${file} DIRECTORY)
  file(MAKE_DIRECTORY ${folder})
  file(COPY_FILE ${stage}/src/${file} ${fluxgate_source_dir}/${file} ONLY_IF_DIFFERENT)
endforeach()
file(GLOB_RECURSE sources ${PROJECT_SOURCE_DIR}/src/*)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${patch_file} ${sources})
message(NOTICE "This build is for scripts/planted, with the bug: ${FLUXGATE_PLANT_BUG}")
