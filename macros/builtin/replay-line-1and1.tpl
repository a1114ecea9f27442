/* SPDX-License-Identifier: GPL-2.0-or-later */\
\       > replay: %human-numbers{}{}{}{%replay-rest{}}\
\ rate: %human-numbers{}{}{}{%replay-rate{}}/sec\
\  remaining: %human-seconds{%replay-remain{}} hrs\n\
