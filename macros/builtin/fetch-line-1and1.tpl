/* SPDX-License-Identifier: GPL-2.0-or-later */\
\       > fetch: %human-numbers{}{}{}{%fetch-rest{}}\
\ rate: %human-numbers{}{}{}{%fetch-rate{}}/sec\
\  remaining: %human-seconds{%fetch-remain{}} hrs\n\
