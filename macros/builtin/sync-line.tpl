/* SPDX-License-Identifier: GPL-2.0-or-later */\
\       > sync: %human-numbers{}{}{}{%sync-pos{}}{%sync-size{}}\
\ rate: %human-numbers{}{}{}{%sync-rate{}}/sec\
\  remaining: %human-seconds{%sync-remain{}} hrs\n\
