/* SPDX-License-Identifier: GPL-2.0-or-later */\
%if{%{res}}{%{res} %human-numbers{}{}{}{%resource-size{}} [%count-resource-peers{}/%count-configured-peers{}]}\
