/* Waits for so many seconds of the time of day, and says how many milliseconds of the monotonic clock that took. */

#include <stdio.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

int main(int count, char **words)
{
    cnd_t condition;
    mtx_t mutex;
    struct timespec until, begun, ended;
    if (cnd_init(&condition) != thrd_success || mtx_init(&mutex, mtx_plain) != thrd_success)
        return 1;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += count > 1 ? atoi(words[1]) : 0;
    puts("waiting");
    fflush(stdout);
    mtx_lock(&mutex);
    int outcome;
    while ((outcome = cnd_timedwait(&condition, &mutex, &until)) == thrd_success) {
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    printf("%lld\n", (ended.tv_sec - begun.tv_sec) * 1000LL + (ended.tv_nsec - begun.tv_nsec) / 1000000L);
    return outcome == thrd_timedout ? 0 : 1;
}
