# Writes OUT, a C++ file with the texts of DIR/*.tpl and DIR/compat-0.1a/*.tpl. Run: cmake -DDIR=… -DOUT=… -P embed.cmake
function(embed function directory)
    file(GLOB templates ${directory}/*.tpl)
    list(SORT templates)
    set(rows "")
    foreach(template IN LISTS templates)
        get_filename_component(name "${template}" NAME_WLE)
        file(READ "${template}" text)
        string(APPEND rows "        {\"${name}\", R\"~tpl~(${text})~tpl~\"},\n")
    endforeach()
    file(APPEND "${OUT}.new"
         "std::span<const BuiltIn> ${function}() {\n    static constexpr BuiltIn kTexts[] = {\n${rows}    };\n    return kTexts;\n}\n\n")
endfunction()

file(WRITE "${OUT}.new" "#include \"macros/built_in_texts.hpp\"\n\nnamespace mars::macros {\n\n")
embed(built_in_texts ${DIR})
embed(compat_texts ${DIR}/compat-0.1a)
file(APPEND "${OUT}.new" "} // namespace mars::macros\n")
file(RENAME "${OUT}.new" "${OUT}")
