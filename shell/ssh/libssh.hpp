// SPDX-License-Identifier: GPL-2.0-or-later
// libssh, loaded when a verb first needs it: the functions of it that we call.
#pragma once

#include <libssh/libssh.h>

#include "kernel/base/late_library.hpp"

namespace mars::shell {

inline constinit LateLibrary libssh("libssh.so.4", "libssh-4");
MARS_LATE_FUNCTION(libssh, ssh_channel_close);
MARS_LATE_FUNCTION(libssh, ssh_channel_free);
MARS_LATE_FUNCTION(libssh, ssh_channel_get_exit_status);
MARS_LATE_FUNCTION(libssh, ssh_channel_is_closed);
MARS_LATE_FUNCTION(libssh, ssh_channel_is_eof);
MARS_LATE_FUNCTION(libssh, ssh_channel_new);
MARS_LATE_FUNCTION(libssh, ssh_channel_open_session);
MARS_LATE_FUNCTION(libssh, ssh_channel_read_nonblocking);
MARS_LATE_FUNCTION(libssh, ssh_channel_request_exec);
MARS_LATE_FUNCTION(libssh, ssh_channel_send_eof);
MARS_LATE_FUNCTION(libssh, ssh_channel_write);
MARS_LATE_FUNCTION(libssh, ssh_clean_pubkey_hash);
MARS_LATE_FUNCTION(libssh, ssh_connect);
MARS_LATE_FUNCTION(libssh, ssh_disconnect);
MARS_LATE_FUNCTION(libssh, ssh_free);
MARS_LATE_FUNCTION(libssh, ssh_get_error);
MARS_LATE_FUNCTION(libssh, ssh_get_fd);
MARS_LATE_FUNCTION(libssh, ssh_get_fingerprint_hash);
MARS_LATE_FUNCTION(libssh, ssh_get_poll_flags);
MARS_LATE_FUNCTION(libssh, ssh_get_publickey_hash);
MARS_LATE_FUNCTION(libssh, ssh_get_server_publickey);
MARS_LATE_FUNCTION(libssh, ssh_is_connected);
MARS_LATE_FUNCTION(libssh, ssh_key_free);
MARS_LATE_FUNCTION(libssh, ssh_key_type);
MARS_LATE_FUNCTION(libssh, ssh_key_type_to_char);
MARS_LATE_FUNCTION(libssh, ssh_new);
MARS_LATE_FUNCTION(libssh, ssh_options_get);
MARS_LATE_FUNCTION(libssh, ssh_options_get_port);
MARS_LATE_FUNCTION(libssh, ssh_options_parse_config);
MARS_LATE_FUNCTION(libssh, ssh_options_set);
MARS_LATE_FUNCTION(libssh, ssh_session_is_known_server);
MARS_LATE_FUNCTION(libssh, ssh_session_update_known_hosts);
MARS_LATE_FUNCTION(libssh, ssh_set_blocking);
MARS_LATE_FUNCTION(libssh, ssh_string_free_char);
MARS_LATE_FUNCTION(libssh, ssh_userauth_none);
MARS_LATE_FUNCTION(libssh, ssh_userauth_publickey_auto);

} // namespace mars::shell
