/* Shifts the wall clock of one process by CLOCK_SHIFT_SEC, and nothing else: the monotonic clock stays as it is, as on
 * a host whose clock is wrong. Debian's libfaketime 0.9.10 breaks Python's sleeping under either of its settings.
 * CLOCK_SHIFT_FILE instead names a file that holds the seconds and is read each time: a clock that is set right. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long shift_in(const char *path) {
    char text[32];
    int file = open(path, O_RDONLY);
    if (file < 0) return 0;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    text[length > 0 ? length : 0] = 0;
    return atol(text);
}

static long shift(void) {
    static long seconds;
    static int known;
    const char *path = getenv("CLOCK_SHIFT_FILE");
    if (path) return shift_in(path);
    if (!known) {
        const char *text = getenv("CLOCK_SHIFT_SEC");
        seconds = text ? atol(text) : 0;
        known = 1;
    }
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += shift();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    int result = clock_gettime(CLOCK_REALTIME, &exact);
    (void)zone;
    if (now) {
        now->tv_sec = exact.tv_sec;
        now->tv_usec = exact.tv_nsec / 1000;
    }
    return result;
}

time_t time(time_t *now) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (now) *now = exact.tv_sec;
    return exact.tv_sec;
}
