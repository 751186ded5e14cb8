/* What the generated sweep stands on: memory to pass, and what must hold after every call. Included behind `struct api`. */
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 8192, PLACES = 16, POISON = 0xA5 };

/* What a call may answer. */
enum expectation { ANYTHING, A_REFUSAL, AN_INVALID_HANDLE, SUCCESS };

static long calls, refusals, drops_given, drops_run;
static TenonError error;

/* One place for each parameter; outputs are poisoned before a call. */
static unsigned char places[PLACES][ROOM] __attribute__((aligned(64)));
static unsigned char poison[ROOM];
static unsigned char long_text[70000];

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "sweep: %s: %s\n", what, why);
    exit(1);
}

static void begin(void)
{
    memset(&error, POISON, sizeof error);
    calls++;
}

static void *poisoned(int place)
{
    memset(places[place], POISON, ROOM);
    return places[place];
}

static void *zeroed(int place)
{
    memset(places[place], 0, ROOM);
    return places[place];
}

/* An array of one value, over and over. */
static void *filled(int place, const void *value, size_t size)
{
    for (size_t at = 0; at + size <= ROOM; at += size)
        memcpy(places[place] + at, value, size);
    return places[place];
}

static void untouched(const char *what, int place)
{
    if (memcmp(places[place], poison, ROOM) != 0)
        fail(what, "an output was written although the call failed");
}

/* Whether the call succeeded. */
static int finish(const char *what, TenonStatus status, enum expectation expected, int has_text)
{
    if (has_text) {
        if (error.status != status)
            fail(what, "the error's status is not the one returned");
        if (memchr(error.message, 0, sizeof error.message) == NULL)
            fail(what, "the text has no end");
        if ((status == TENON_OK) != (error.message[0] == 0))
            fail(what, status == TENON_OK ? "a text with success" : "a failure without a text");
    }
    if (status == TENON_INTERNAL || status == TENON_POISONED)
        fail(what, has_text ? error.message : "an internal failure");
    if (status < 0 || status > TENON_INTERNAL)
        fail(what, "an unknown status");
    if (expected == SUCCESS && status != TENON_OK)
        fail(what, has_text ? error.message : "refused");
    if ((expected == A_REFUSAL || expected == AN_INVALID_HANDLE) && status == TENON_OK)
        fail(what, "accepted");
    if (expected == AN_INVALID_HANDLE && status != TENON_INVALID_HANDLE)
        fail(what, has_text ? error.message : "refused, but not as an invalid handle");
    if (status != TENON_OK)
        refusals++;
    return status == TENON_OK;
}

static void count_drop(void *user)
{
    (void)user;
    drops_run++;
}

static TenonDropFunction given_drop(void)
{
    drops_given++;
    return count_drop;
}

static void *load(const char *path, struct api *api)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        fail(path, dlerror());
    load_functions(library, api);
    return library;
}

static void unload(void *library, const char *path)
{
    dlclose(library);
    if (dlopen(path, RTLD_NOW | RTLD_NOLOAD) != NULL)
        fail(path, "the library stays in the process after dlclose");
}
