/* Until when a thread of C11 waits, by the clock that libfaketime shows: that library knows the waits of
   POSIX threads only, so that without this a time of day that is faked would be taken for a real one.

   A wait ends when the time of day has come, as in the kernel: set back meanwhile, it waits longer; set
   ahead, it ends. */

#include <errno.h>
#include <pthread.h>
#include <threads.h>
#include <time.h>

#define SECOND 1000000000LL
/* How soon a step is seen, in nanoseconds. */
#define LOOK 50000000LL

static long long left(const struct timespec *until, const struct timespec *now)
{
    return (until->tv_sec - now->tv_sec) * SECOND + until->tv_nsec - now->tv_nsec;
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict until)
{
    for (;;) {
        struct timespec look;
        clock_gettime(CLOCK_REALTIME, &look);
        long long wait = left(until, &look);
        if (wait <= 0)
            return thrd_timedout;
        long long end = look.tv_nsec + (wait < LOOK ? wait : LOOK);
        look.tv_sec += end / SECOND;
        look.tv_nsec = end % SECOND;
        /* In the C library of GNU, and in musl, they are the same thing. */
        int outcome = pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, &look);
        if (outcome != ETIMEDOUT)
            return outcome == 0 ? thrd_success : thrd_error;
    }
}
