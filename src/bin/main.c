/* SPDX-License-Identifier: Apache-2.0 */
/* The program: finds the command in the registry and runs it. */
#include <stdio.h>

int main(void)
{
	puts("towpath " TOWPATH_VERSION);
	return 0;
}
