/* SPDX-License-Identifier: GPL-2.0-or-later */\
%if{%device-present{}}{  LocalDevice %get-device{} [%device-stats{}]\n}\
