# Build helpers shared by all folders.

# mars_library(NAME [libraries]): all .cpp/.c files of the current folder (not of its subfolders) as a static library.
# A folder without sources yet becomes an interface library, so that others may link it already.
function(mars_library name)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
    list(FILTER sources EXCLUDE REGEX "_main\\.cpp$")
    if(sources)
        add_library(${name} STATIC ${sources})
        target_link_libraries(${name} PUBLIC ${ARGN})
    else()
        add_library(${name} INTERFACE)
        target_link_libraries(${name} INTERFACE ${ARGN})
    endif()
endfunction()

# mars_pkg(TARGET pkg...): an imported target TARGET for pkg-config modules (system headers: no warnings from them).
function(mars_pkg target)
    pkg_check_modules(${target} REQUIRED IMPORTED_TARGET GLOBAL ${ARGN})
    add_library(${target} ALIAS PkgConfig::${target})
endfunction()

# For folders whose code hardly computes: with sanitizers, optimising it takes longer than it saves (two fifths of the
# compile time).
macro(mars_quick_to_build)
    if(MARS_SANITIZE)
        add_compile_options(-O0)
    endif()
endmacro()
