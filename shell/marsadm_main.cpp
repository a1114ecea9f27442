// SPDX-License-Identifier: GPL-2.0-or-later
// marsadm: one verb from the command line, or the interactive shell. Reads argv and the environment, makes the real
// surroundings, runs the verb, and leaves with its exit status. SIGINT, SIGTERM and SIGHUP interrupt the verb in an
// orderly way, a second SIGINT kills; but nothing of that ends what is beyond its point of no return.
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/system/system_error.hpp>

#include <poll.h>
#include <sys/stat.h>

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernel/env/real/fd.hpp"
#include "kernel/env/real/real_env.hpp"
#include "lua/lua_scripting.hpp"
#include "shell/command/configuration.hpp"
#include "shell/command/run.hpp"
#include "shell/fleet/run_words.hpp"
#include "shell/local/attended.hpp"
#include "shell/local/interrupts.hpp"
#include "shell/local/real_local_host.hpp"
#include "shell/local/trust.hpp"
#include "shell/local/unheard.hpp"
#include "shell/repl/repl.hpp"
#include "shell/ssh/ssh_connect.hpp"
#include "shell/ssh/ssh_remote.hpp"
#include "shell/systemd/sd_bus_systemd.hpp"
#include "shell/terminal/audience.hpp"
#include "shell/terminal/terminal_output.hpp"
#include "shell/verbs/verb_table.hpp"

namespace {

using namespace mars;
using namespace mars::shell;

// What the layers below have to warn of.
class OutputLog final : public env::Log {
  public:
    explicit OutputLog(Output& output) : output_(output) {}
    void write(env::LogLevel level, std::string_view line) override {
        if (level == env::LogLevel::warning) output_.warning(line);
        if (level == env::LogLevel::error) output_.error(line);
    }

  private:
    Output& output_;
};

// By nohup, for example.
bool is_ignored(int signal) {
    struct sigaction action {};
    return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

std::string etc_directory() {
    auto etc = environment("ETC_MARSADM");
    return etc.empty() ? "/etc/marsadm" : etc;
}

// Takes --path=LIST out of the words: it is needed before there is anything that could read options. What comes after a
// verb that passes its words on, and what is for other hosts, is none of ours.
std::string take_path(std::vector<std::string>& words) {
    constexpr std::string_view kOption = "--path=";
    std::string list;
    bool is_passed_on = false;
    for (auto word = words.begin(); word != words.end();) {
        if (*word == "--" || word->starts_with('@') || (is_passed_on && !word->starts_with('-'))) break;
        const auto* verb = built_in_verbs().find_built_in(*word);
        if (*word == "-e" || (verb && verb->has(kPassesWords))) is_passed_on = true;
        if (!word->starts_with(kOption) || word->size() == kOption.size()) {
            ++word;
            continue;
        }
        list += word->substr(kOption.size()) + ":";
        word = words.erase(word);
    }
    return list;
}

// Spec: verbs 1.5 (ours: not the working directory, unless `first` says so).
std::vector<std::string> macro_path(const std::string& first) {
    std::string list = environment("MARS_PATH");
    if (list.empty()) {
        auto home = environment("HOME");
        list = (home.empty() ? "" : home + "/.marsadm:") + etc_directory() + ":/usr/lib/marsadm:/usr/local/lib/marsadm";
    }
    list.insert(0, first);
    std::vector<std::string> path;
    for (std::size_t begin = 0; begin <= list.size();) {
        auto end = std::min(list.find(':', begin), list.size());
        if (end > begin) path.push_back(list.substr(begin, end - begin));
        begin = end + 1;
    }
    return path;
}

Options default_options(const env::Storage& storage, Output& output) {
    Options options;
    if (auto root = environment("MARS_DIR"); root.starts_with('/')) options.root = root;
    return with_configuration(std::move(options), storage, etc_directory() + "/marsadm.conf", output);
}

lua::PluginSettings plugin_settings(const std::vector<std::string>& path) {
    lua::PluginSettings settings;
    for (const auto& directory : path) settings.path.push_back(directory + "/plugins");
    settings.configuration = etc_directory() + "/marsadm.conf";
    for (char** entry = environ; *entry; ++entry) {
        std::string_view text = *entry;
        auto equal = text.find('=');
        if (text.starts_with("MARS_") && equal != std::string_view::npos)
            settings.environment.emplace(text.substr(0, equal), text.substr(equal + 1));
    }
    return settings;
}

int run(std::vector<std::string> words) {
    env::asio::io_context context(1);
    TerminalOutput output;
    TrustGuard guard(output);
    const auto search = macro_path(take_path(words));
    env::RealEnv real(context, std::make_unique<OutputLog>(output), env::FileIo::Use::threads);
    RealLocalHost local(real, real.pool());
    SshRemote remote(context, real.lot(), real.hostname());
    auto settings = systemd::read_settings(search, [](const char* name) -> std::optional<std::string> {
        const char* value = std::getenv(name);
        return value ? std::optional<std::string>(value) : std::nullopt;
    });
    auto callers = environment("SYSTEMD_RECURSIVE_CALL");
    if (callers.empty()) callers = "clustermanagerd|nodeagent[.]real";
    systemd::SdBusSystemd units(context, real.lot(), std::move(settings), callers);
    Surroundings surroundings{real, local, remote, output, search};
    surroundings.verbs = &built_in_verbs();
    surroundings.systemd = &units;
    Interrupts interrupts;
    auto shell = [&](VerbContext& ctx, std::string path) {
        return run_shell(surroundings, ctx.options(), interrupts, std::move(path));
    };
    const auto options = default_options(real.storage(), output);
    lua::LuaScripting scripting(surroundings, options, plugin_settings(search), shell);

    int status = exit_code(FailureClass::internal);
    env::asio::cancellation_signal cancel;
    const bool tells = only_tells(words, options, surroundings.registry());
    int irrevocable = 0;
    surroundings.count_irrevocable = [&irrevocable](int change) {
        irrevocable += change;
        protect_from_unheard_signals(irrevocable > 0);
        // Who suspends it then would keep the application from running anywhere.
        for (const int number : {SIGTSTP, SIGTTOU, SIGTTIN}) std::signal(number, irrevocable > 0 ? SIG_IGN : SIG_DFL);
    };
    bool was_interrupted = false;
    Interrupts::Scope while_it_runs(interrupts, [&](int number) {
        if (number == SIGPIPE && !tells) return;
        // Who goes away may send several of the others, so only a person who insists ends the giving back.
        if (number == SIGINT && std::exchange(was_interrupted, true) && irrevocable == 0) {
            std::signal(SIGINT, SIG_DFL);
            std::raise(SIGINT);
        }
        cancel.emit(env::asio::cancellation_type::terminal);
    });
    env::asio::signal_set signals(context, SIGINT, SIGTERM, SIGQUIT);
    if (!is_ignored(SIGHUP)) signals.add(SIGHUP);
    watch_for_unheard_signals();
    bool is_over = false;
    std::function<void()> await_signal = [&] {
        signals.async_wait([&](const boost::system::error_code& error, int number) {
            if (error) return;
            signals_were_heard();
            if (number != SIGINT) output.also_to_syslog(); // the terminal may be gone
            interrupts.raise(number);
            if (!is_over) await_signal();
        });
    };
    await_signal();
    const bool changes = is_one_change(words, options, surroundings.registry());
    output.bound_while([&] { return changes || irrevocable > 0; });
    output.on_lost([&] {
        if (output.lost() == EPIPE && tells) output.hush();
        env::asio::post(context, [&] { interrupts.raise(SIGPIPE); });
    });
    ReaderWatch readers(real, [&] { output.lose(EPIPE); });
    auto ended = [&](const std::exception_ptr& error, const RunResult& result) {
        is_over = true;
        signals.cancel();
        readers.stop();
        if (!error) {
            status = result.exit;
            return;
        }
        try {
            std::rethrow_exception(error);
        } catch (const boost::system::system_error& e) {
            if (e.code() != env::asio::error::operation_aborted)
                output.error(std::string("internal error: ") + e.what());
        } catch (const std::exception& e) {
            output.error(std::string("internal error: ") + e.what());
        }
    };
    auto verb = run_words(surroundings, std::move(words), options);
    env::asio::co_spawn(context, std::move(verb), env::asio::bind_cancellation_slot(cancel.slot(), ended));
    context.run();
    output.close();
    if (output.lost() == 0) return status;
    const bool was_cut = tells || status == kNobodyReads;
    if (output.lost() != EPIPE) return status == 0 || was_cut ? exit_code(FailureClass::system) : status;
    if (!was_cut) return status; // what was to be done is done
    std::signal(SIGPIPE, SIG_DFL);
    ::raise(SIGPIPE); // as every other program that has nobody to tell
    return status;
}

// Bare "marsadm" reads lines from whoever types or pipes them; a loop's file, and cron's /dev/null, are left alone.
bool has_lines() {
    if (::isatty(STDIN_FILENO) == 1) return ::isatty(STDOUT_FILENO) == 1;
    struct stat status {};
    if (::fstat(STDIN_FILENO, &status) != 0 || !S_ISFIFO(status.st_mode)) return false;
    pollfd one{STDIN_FILENO, POLLIN, 0};
    while (::poll(&one, 1, -1) < 0 && errno == EINTR) {
    }
    return (one.revents & POLLIN) != 0; // else it ended before the first byte
}

} // namespace

int main(int argc, char** argv) {
    env::fill_standard_descriptors();
    std::signal(SIGPIPE, SIG_IGN); // a closed stdout must not end a verb in the middle
    std::vector<std::string> words(argv + 1, argv + argc);
    if (!words.empty() && words.front() == "--attended") return attended_main({words.begin() + 1, words.end()});
    keep_files_private(); // programs of others, attended above, have the umask of their caller
    if (words.empty() && has_lines()) words = {"shell"};
    const int status = run(std::move(words));
    if (!is_resolver_at_work()) return status;
    std::fflush(nullptr);
    ::_exit(status);
}
