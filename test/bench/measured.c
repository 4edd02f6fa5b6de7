/*
 * Runs a command and says what it cost, with all descendants that were waited for.
 * Build: cc -O2 -o measured measured.c
 * Use:   measured COMMAND [ARGUMENT...]   (the command's output is thrown away, stderr is kept)
 * Prints one JSON line: {"status":S,"wallSeconds":W,"userSeconds":U,"systemSeconds":S,"maxRssBytes":B}.
 */
#define _DEFAULT_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

int main(int argc, char **argv) {
  struct timespec begin, end;
  struct rusage usage;
  int status = 0;

  if (argc < 2) {
    fprintf(stderr, "usage: measured COMMAND [ARGUMENT...]\n");
    return 2;
  }
  clock_gettime(CLOCK_MONOTONIC, &begin);
  const pid_t child = fork();
  if (child < 0) {
    perror("fork");
    return 1;
  }
  if (child == 0) {
    const int nowhere = open("/dev/null", O_WRONLY);
    if (nowhere >= 0) dup2(nowhere, STDOUT_FILENO);
    execvp(argv[1], argv + 1);
    perror(argv[1]);
    _exit(127);
  }
  if (wait4(child, &status, 0, &usage) != child) {
    perror("wait4");
    return 1;
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("{\"status\":%d,\"wallSeconds\":%.6f,\"userSeconds\":%.6f,\"systemSeconds\":%.6f,\"maxRssBytes\":%ld}\n",
         WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
         (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9, seconds(usage.ru_utime),
         seconds(usage.ru_stime), usage.ru_maxrss * 1024L);
  return 0;
}
