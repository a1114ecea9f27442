// SPDX-License-Identifier: GPL-2.0-or-later
// Boost.Asio's own code, compiled once (BOOST_ASIO_SEPARATE_COMPILATION).
#include <boost/asio/impl/src.hpp>
