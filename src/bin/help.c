/* SPDX-License-Identifier: Apache-2.0 */
/* `towpath help [COMMAND]`. */
#include <stdio.h>

#include "bin/command.h"

static void show_options(const struct option_spec *specs)
{
	for (; specs && specs->name; specs++) {
		char *left CLEANUP(freep) = xasprintf("--%s%s%s", specs->name,
			specs->value ? " " : "", specs->value ? specs->value : "");

		printf("  %c%c%c %-22s %s", specs->letter ? '-' : ' ',
			specs->letter ? specs->letter : ' ', specs->letter ? ',' : ' ', left,
			specs->help);
		if (specs->environment)
			printf(" [%s]", specs->environment);
		putchar('\n');
	}
}

static void show_command(const struct command *c)
{
	printf("usage: towpath %s %s\n\n%s\n", c->name, c->arguments ? c->arguments : "",
		c->summary);
	if (c->details)
		printf("\n%s\n", c->details);
	printf("\nOptions:\n");
	show_options(c->options);
	show_options(common_options);
}

static void show_commands(void)
{
	printf("usage: towpath COMMAND [OPTION...] [ARGUMENT...]\n\n"
	       "The whole way from a commit to production, on machines that you own.\n\n"
	       "Commands:\n");
	for (size_t i = 0; commands[i]; i++)
		if (!commands[i]->hidden)
			printf("  %-12s %s\n", commands[i]->name, commands[i]->summary);
	printf("\n`towpath help COMMAND` says more about one.\n");
}

static int run(const struct options *o, struct err *err)
{
	const struct command *c;

	if (o->words.n == 0) {
		show_commands();
		return EXIT_OK;
	}
	c = command_find(o->words.v[0]);
	if (!c) {
		err_set(err, ERR_NOT_FOUND, "there is no command %s", o->words.v[0]);
		return err_hint(err, "`towpath help` lists them");
	}
	show_command(c);
	return EXIT_OK;
}

const struct command command_help = {
	.name = "help",
	.arguments = "[COMMAND]",
	.summary = "list the commands, or say more about one",
	.max_words = 1,
	.run = run,
};
