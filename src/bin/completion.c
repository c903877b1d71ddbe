/* SPDX-License-Identifier: Apache-2.0 */
/* `towpath completion bash|zsh`: completion made from the command registry. */
#include <stdio.h>

#include "bin/command.h"

static void add_options(const struct option_spec *specs)
{
	for (; specs && specs->name; specs++)
		printf(" --%s", specs->name);
}

/* Both shells: a function that gives the words for a command. */
static void words_function(void)
{
	printf("_towpath_words() {\n\tcase \"$1\" in\n");
	for (size_t i = 0; commands[i]; i++) {
		printf("\t%s) echo \"", commands[i]->name);
		add_options(commands[i]->options);
		add_options(common_options);
		printf("\" ;;\n");
	}
	printf("\t*) echo \"");
	for (size_t i = 0; commands[i]; i++)
		if (!commands[i]->hidden)
			printf("%s%s", i ? " " : "", commands[i]->name);
	printf("\" ;;\n\tesac\n}\n");
}

static void bash(void)
{
	printf("_towpath() {\n"
	       "\tlocal word=\"${COMP_WORDS[COMP_CWORD]}\" command=\"\"\n"
	       "\t[ \"$COMP_CWORD\" -gt 1 ] && command=\"${COMP_WORDS[1]}\"\n"
	       "\tCOMPREPLY=($(compgen -W \"$(_towpath_words \"$command\")\" -- \"$word\"))\n"
	       "}\n"
	       "complete -o default -F _towpath towpath\n");
}

static void zsh(void)
{
	printf("_towpath() {\n"
	       "\tlocal command=\"\"\n"
	       "\t(( CURRENT > 2 )) && command=\"${words[2]}\"\n"
	       "\tcompadd -- ${(z)\"$(_towpath_words \"$command\")\"}\n"
	       "\t(( CURRENT > 2 )) && _files\n"
	       "}\n"
	       "compdef _towpath towpath\n");
}

static int run(const struct options *o, struct err *err)
{
	const char *shell = o->words.v[0];

	if (!streq(shell, "bash") && !streq(shell, "zsh")) {
		err_set(err, ERR_UNSUPPORTED, "no completion for shell %s", shell);
		return err_hint(err, "there is one for bash and one for zsh");
	}
	words_function();
	if (streq(shell, "bash"))
		bash();
	else
		zsh();
	return EXIT_OK;
}

const struct command command_completion = {
	.name = "completion",
	.arguments = "bash|zsh",
	.summary = "print completion for a shell",
	.details = "bash: source <(towpath completion bash)\n"
		   "zsh:  source <(towpath completion zsh)",
	.min_words = 1,
	.max_words = 1,
	.run = run,
};
