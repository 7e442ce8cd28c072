/* measure PROGRAM [ARGUMENTS...]: runs the program, and tells in a last line on standard error what it
 * cost: wall, user and system seconds, and the peak of resident memory as getrusage counts it.
 *
 * A program of its own because the kernel starts the count of a process's memory with that of the
 * process that started it: this one is small enough not to show. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
    const double started = now();
    const pid_t child = argc > 1 ? fork() : -1;
    struct rusage usage;
    int status = 0;
    double wall;
    if (child == 0) {
        execvp(argv[1], argv + 1);
        perror(argv[1]);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("measure");
        return EXIT_FAILURE;
    }
    wall = now() - started;
    getrusage(RUSAGE_CHILDREN, &usage);
    fprintf(stderr, "\nmeasured %.6f %.6f %.6f %ld\n", wall, seconds(usage.ru_utime), seconds(usage.ru_stime),
            (long)usage.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}
