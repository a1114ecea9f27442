# SPDX-License-Identifier: GPL-2.0-or-later
# What `cmake --install` puts where. script/package makes a Debian package of the same.
#   sbin/{marsadm,marsd}                 the programs
#   lib/systemd/system/                  units that are there before any template: marsd.service, mars.path, mars.service
#   lib/marsadm/systemd-templates/       templates of all other units
#   /etc/needrestart/conf.d/             with the prefix /usr: a running marsd is not restarted after updates of libraries
#   lib/marsadm/plugins/                 plugins, if there are any
#   share/man, share/bash-completion, share/zsh, share/doc/mars
include(GNUInstallDirs)

install(TARGETS marsadm marsd RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})

# Units name the programs by their full paths.
set(persistent marsd.service mars.path mars.service mars-watch-state.service)
file(GLOB units CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/templates/*.service ${CMAKE_SOURCE_DIR}/templates/*.path
     ${CMAKE_SOURCE_DIR}/templates/*.mount)
foreach(unit ${units})
    get_filename_component(name ${unit} NAME)
    file(READ ${unit} text)
    string(REPLACE "/usr/sbin/" "${CMAKE_INSTALL_FULL_SBINDIR}/" text "${text}")
    file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/units/${name} CONTENT "${text}")
    if(name IN_LIST persistent)
        install(FILES ${CMAKE_BINARY_DIR}/units/${name} DESTINATION lib/systemd/system)
    else()
        install(FILES ${CMAKE_BINARY_DIR}/units/${name} DESTINATION lib/marsadm/systemd-templates)
    endif()
endforeach()

install(FILES ${CMAKE_SOURCE_DIR}/templates/needrestart-mars.conf
        DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/needrestart/conf.d RENAME mars.conf)

if(EXISTS ${CMAKE_SOURCE_DIR}/lua/plugins)
    install(DIRECTORY ${CMAKE_SOURCE_DIR}/lua/plugins DESTINATION lib/marsadm)
endif()

# Completions come from the tables of verbs and options.
foreach(shell bash zsh)
    add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/completions/${shell}
                       COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/completions
                       COMMAND $<TARGET_FILE:marsadm> help-completion ${shell} > ${CMAKE_BINARY_DIR}/completions/${shell}
                       DEPENDS marsadm VERBATIM)
endforeach()
add_custom_target(completions DEPENDS ${CMAKE_BINARY_DIR}/completions/bash ${CMAKE_BINARY_DIR}/completions/zsh)
install(FILES ${CMAKE_BINARY_DIR}/completions/bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        RENAME marsadm)
install(FILES ${CMAKE_BINARY_DIR}/completions/zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions
        RENAME _marsadm)

foreach(section 3 7 8)
    file(GLOB pages CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/docs/man/*.${section})
    install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
file(GLOB documents CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/docs/*.md)
install(FILES ${CMAKE_SOURCE_DIR}/README.md ${CMAKE_SOURCE_DIR}/LICENSE ${documents}
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/mars)
