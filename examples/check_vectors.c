/* Holds a logsumexp, a softmax and a log_softmax in C, binary64, to test vectors: |got - exact| <= what the proven bound
   of a standard allows. A test is a line of the file, so that no JSON library is needed.

       shiftproof vectors --format binary64 --out vectors.json
       cc -O2 check_vectors.c -o check_vectors -lm && ./check_vectors vectors.json
       cc -O2 -DNAIVE check_vectors.c -o broken -lm && ./broken vectors.json      (a kernel without the shift: must fail) */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define MOST 64

static void kernel(const char *f, const double *x, int n, double *out) {
    int top = 0;
    double sum = 0;
    for (int i = 1; i < n; i++) if (x[i] > x[top]) top = i;
    double a = x[top];
    for (int i = 0; i < n; i++) if (isnan(x[i]) || (isinf(a) && strcmp(f, "logsumexp"))) a = NAN;
#ifdef NAIVE
    a = 0;
#endif
    for (int i = 0; i < n; i++) if (i != top) sum += exp(x[i] - a);
    double tail = log1p(sum + (a == x[top] ? 0 : exp(x[top] - a) - 1));
    if (!strcmp(f, "logsumexp")) out[0] = isinf(a) ? a : a + tail;
    for (int i = 0; i < n && strcmp(f, "logsumexp"); i++)
        out[i] = !strcmp(f, "softmax") ? exp(x[i] - a) / (exp(x[top] - a) + sum) : (x[i] - a) - tail;
}

/* The numbers of the array that follows "key": in a line; null reads as -1, "nan" and "inf" as strtod has them. */
static int numbers(const char *line, const char *key, double *out) {
    int n = 0;
    const char *p = strstr(line, key);
    for (p = p ? strchr(p, '[') + 1 : "]"; *p && *p != ']' && n < MOST; p += strcspn(p, ",]"), p += *p == ',') {
        p += strspn(p, " \"");
        out[n++] = *p == 'n' && p[1] == 'u' ? -1 : strtod(p, NULL);
    }
    return n;
}

int main(int argc, char **argv) {
    static char line[1 << 20], function[64], key[64];
    double x[MOST], want[MOST], ulp[MOST], offset[MOST], allowed[MOST], got[MOST];
    int judged = 0, failed = 0, binary64 = 0;
    FILE *file = argc > 1 ? fopen(argv[1], "r") : NULL;
    if (!file) return fprintf(stderr, "usage: check_vectors FILE.json\n"), 2;
    while (fgets(line, sizeof line, file)) {
        const char *f = strstr(line, "{\"function\": \"");
        if (f) sscanf(f + 14, "%63[^\"]", function), binary64 = strstr(line, "\"format\": \"binary64\"") != NULL;
        snprintf(key, sizeof key, "\"%s\":", strcmp(function, "softmax") ? "shifted-log1p" : "shifted");
        int known = !strcmp(function, "logsumexp") || !strcmp(function, "softmax") || !strcmp(function, "log_softmax");
        if (!strstr(line, "\"tcId\":") || !binary64 || !known) continue;
        int n = numbers(line, "\"x\":", x), m = numbers(line, "\"result\":", want);
        numbers(line, "\"ulp\":", ulp), numbers(line, "\"offset\":", offset), numbers(line, key, allowed);
        kernel(function, x, n, got);
        for (int i = 0; i < m; i++) {
            int owed = ulp[i] == -1; /* by the profile: NaN, an infinity or a zero */
            double error = got[i] == want[i] ? fabs(offset[i]) : fabs((got[i] - want[i]) / ulp[i] - offset[i]);
            if (!owed && allowed[i] == -1) continue; /* out of the bound's scope: not judged, not passed */
            judged++;
            if (owed ? got[i] == want[i] || (isnan(got[i]) && isnan(want[i])) : error <= allowed[i]) continue;
            failed++;
            printf("FAILED %s tcId %d, result %d: got %a, want %a, error %.3g ulp, allowed %.3g\n", function,
                   atoi(strstr(line, "\"tcId\":") + 7), i, got[i], want[i], error, allowed[i]);
        }
    }
    printf("%d results judged, %d failed\n", judged, failed);
    return judged == 0 ? 3 : failed != 0;
}
