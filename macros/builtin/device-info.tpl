/* SPDX-License-Identifier: GPL-2.0-or-later */\
%if{%or{%device-present{}}{%device-error{}}}{  LocalDevice %get-device{} [%device-stats{}]\n}\
