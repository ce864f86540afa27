/* What the tool says about itself, and how it says no. */
#ifndef TOOL_USAGE_H
#define TOOL_USAGE_H

enum { USAGE_WRONG = 2 }; /* exit status of a call that cannot be begun */

/* "plait COMMAND: words" on stderr; gives USAGE_WRONG. */
__attribute__((format(printf, 2, 3))) int usage_fail(const char *command, const char *format, ...);
/* Only where the help is, when the complaint was printed already; gives USAGE_WRONG. */
int usage_hint(const char *command);

/* `plait help [COMMAND]`. */
int usage_main(int argc, char **argv);

#endif
