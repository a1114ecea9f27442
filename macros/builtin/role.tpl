/* SPDX-License-Identifier: GPL-2.0-or-later */\
%elsif\
{%not{%disk-present{}}}{None}\
{%todo-primary{}}{\
  %if{%is-primary{}}\
  {%if{%>{%nr-primary{}}{1}}{Forced}Primary}\
  {NotYetPrimary}}\
{%is-primary{}}{RemainsPrimary}\
{Secondary}\
