/* SPDX-License-Identifier: GPL-2.0-or-later */\
%if{%get-resource-fat-count{}}{FATALS   FILE (%get-resource-fat-count{})\
  :\n%get-resource-fat{}}\
%if{%the-err-count{}}{ERRORS   LNK  (%the-err-count{}):\n%the-pretty-err-msg{}}\
%if{%get-resource-err-count{}}{ERRORS   FILE (%get-resource-err-count{})\
  :\n%get-resource-err{}}\
%if{%the-wrn-count{}}{WARNINGS LNK  (%the-wrn-count{}):\n%the-pretty-wrn-msg{}}\
%if{%and{%{verbose}}{%get-resource-wrn-count{}}}{WARNINGS FILE (%get-resource-wrn-count{}):\n%get-resource-wrn{}}\
%if{%and{%>={%{verbose}}{1}}{%the-inf-count{}}}{INFOS    LNK  (%the-inf-count{}):\n%the-pretty-inf-msg{}}\
%if{%and{%>={%{verbose}}{1}}{%get-log-status{}}}{STATUS   FILE:\n%get-log-status{}}\
