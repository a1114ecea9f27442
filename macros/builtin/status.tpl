/* SPDX-License-Identifier: GPL-2.0-or-later */\
NYI Please override macro \%%{0}\{\}\
