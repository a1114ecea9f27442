# Writes OUT, which compiles the test files SOURCES (separated by "|") as one. Each is included inside a namespace named after
# itself, so that its helpers and using directives stay its own. What the files include has been included outside of
# these namespaces before, and is guarded against a second time.
string(REPLACE "|" ";" SOURCES "${SOURCES}")
set(includes "")
set(bodies "")
foreach(source ${SOURCES})
    file(STRINGS ${source} lines REGEX "^#include ")
    list(APPEND includes ${lines})
    get_filename_component(name ${source} NAME_WE)
    string(APPEND bodies "namespace ${name} {\n#include \"${source}\"\n} // namespace ${name}\n")
endforeach()
list(REMOVE_DUPLICATES includes)
list(JOIN includes "\n" includes)
file(WRITE ${OUT} "${includes}\n${bodies}")
