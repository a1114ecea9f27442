// SPDX-License-Identifier: GPL-2.0-or-later
// Preloaded into marsd by `script/bench idle`: how long the turns of its event loop take, from the outside, so that it
// works with any version of it. A turn lasts from the end of one epoll_wait() to the begin of the next one: so long
// nobody else on the loop is served; time for which other programs had the processors does not count. File $LOOP_TURNS:
// one struct turns, which the bench reads, and zeroes to begin anew.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { kSteps = 5 }; // turns longer than 1, 2, 5, 10, 50 ms

struct turns {
    uint64_t count;
    uint64_t longest_ns;     // computing, and waiting for something
    uint64_t longest_cpu_ns; // computing
    uint64_t longer[kSteps];
};

static struct turns* turns;
static int (*wait_really)(int, struct epoll_event*, int, int);
static int schedule = -1; // of the main thread
static _Thread_local uint64_t since, since_cpu, since_late;

static uint64_t now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

// Ready to run so far, and no processor was free.
static uint64_t late(void) {
    char text[128];
    unsigned long long ran, waited;
    ssize_t length = pread(schedule, text, sizeof text - 1, 0);
    if (length <= 0) return 0;
    text[length] = 0;
    return sscanf(text, "%llu %llu", &ran, &waited) == 2 ? waited : 0;
}

__attribute__((constructor)) static void begin(void) {
    wait_really = (int (*)(int, struct epoll_event*, int, int))dlsym(RTLD_NEXT, "epoll_wait");
    schedule = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    const char* path = getenv("LOOP_TURNS");
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0 || ftruncate(fd, sizeof *turns) < 0) return;
    void* place = mmap(NULL, sizeof *turns, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (place != MAP_FAILED) turns = place;
    close(fd);
}

static void note(uint64_t took, uint64_t cpu) {
    static const uint64_t steps[kSteps] = {1000000, 2000000, 5000000, 10000000, 50000000};
    ++turns->count;
    if (took > turns->longest_ns) turns->longest_ns = took;
    if (cpu > turns->longest_cpu_ns) turns->longest_cpu_ns = cpu;
    for (int i = 0; i < kSteps; ++i)
        if (took > steps[i]) ++turns->longer[i];
}

int epoll_wait(int fd, struct epoll_event* events, int most, int timeout) {
    if (turns && since) {
        uint64_t took = now(CLOCK_MONOTONIC) - since, waited = late() - since_late; // two clocks
        note(took > waited ? took - waited : 0, now(CLOCK_THREAD_CPUTIME_ID) - since_cpu);
    }
    int found = wait_really(fd, events, most, timeout);
    since = now(CLOCK_MONOTONIC);
    since_late = late();
    since_cpu = now(CLOCK_THREAD_CPUTIME_ID);
    return found;
}
