# How every target of ours is compiled. Nothing here reaches the targets of a host project.

# fluxgate_target(NAME): C++20, warnings as errors, hidden symbols, the chosen sanitizers.
function(fluxgate_target name)
  target_compile_features(${name} PUBLIC cxx_std_20)
  set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
  target_include_directories(${name} PRIVATE ${fluxgate_source_dir})
  if(PROJECT_IS_TOP_LEVEL)
    # -Wrestrict: GCC 12 warns of sound std::string concatenations at -O2 (its bug 105651).
    target_compile_options(${name} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
                                           -Wno-restrict)
  endif()
  if(FLUXGATE_SANITIZE)
    # GCC 12 takes members of instrumented standard and Beast types for uninitialized.
    target_compile_options(${name} PRIVATE -fno-omit-frame-pointer -Wno-maybe-uninitialized)
  endif()
  if(FLUXGATE_SANITIZE STREQUAL "address")
    target_compile_options(${name} PRIVATE -fsanitize=address,undefined -fno-sanitize-recover=all)
    target_link_options(${name} PUBLIC -fsanitize=address,undefined)
  elseif(FLUXGATE_SANITIZE STREQUAL "thread")
    # The sanitizer does not know fences and warns of them. Asio's order nothing between threads
    # here, where every io_context has one; code of ours has none.
    target_compile_definitions(${name} PRIVATE BOOST_ASIO_DISABLE_FENCED_BLOCK)
    target_compile_options(${name} PRIVATE -fsanitize=thread)
    target_link_options(${name} PUBLIC -fsanitize=thread)
  endif()
endfunction()
