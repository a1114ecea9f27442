// SPDX-License-Identifier: GPL-2.0-or-later
// LateLibrary: a shared library that is loaded when one of its functions is called for the first time. Loading libssh
// and what it needs takes longer than most verbs take as a whole, and few verbs want it.
// Runs on: any thread. Tests: tests/unit/base/late_library_test.cpp.
#pragma once

#include <atomic>
#include <mutex>

namespace mars {

class LateLibrary {
  public:
    // `file`: the name in the dynamic loader's search path, with the version of the interface ("libssh.so.4");
    // `package`: what an operator has to install if it is missing.
    constexpr LateLibrary(const char* file, const char* package) : file_(file), package_(package) {}
    // Never unloaded: the address stays valid. Throws std::runtime_error, naming file and package, if there is no such
    // library or no such function in it.
    void* function(const char* name);

  private:
    const char* file_;
    const char* package_;
    std::mutex loading_;
    void* handle_ = nullptr;
};

template<class Function>
class LateFunction {
  public:
    constexpr LateFunction(LateLibrary& library, const char* name) : library_(library), name_(name) {}

    // A call of the object is a call of what it converts to.
    operator Function() const {
        if (auto* known = function_.load(std::memory_order_acquire)) return known;
        auto* found = reinterpret_cast<Function>(library_.function(name_));
        function_.store(found, std::memory_order_release);
        return found;
    }

  private:
    LateLibrary& library_;
    const char* name_;
    mutable std::atomic<Function> function_{nullptr};
};

} // namespace mars

// In the namespace that calls it: `name` is then the late function, found before the header's declaration.
#define MARS_LATE_FUNCTION(library, name)                                                                              \
    constinit const ::mars::LateFunction<decltype(&::name)> name(library, #name) // NOLINT
