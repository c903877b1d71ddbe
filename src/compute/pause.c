/* SPDX-License-Identifier: Apache-2.0 */
/* The program of the containers that hold a pod's network (docker_pod.c): it sleeps until it is
 * killed. It stands by itself, without any library, so that it is the whole of its image. */

#if defined(__x86_64__)
#define SYS_PPOLL 271
static long sleep_for_ever(void)
{
	register long r10 __asm__("r10") = 0;
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(SYS_PPOLL), "D"(0L), "S"(0L), "d"(0L), "r"(r10)
			 : "rcx", "r11", "memory");
	return r;
}
#elif defined(__aarch64__)
#define SYS_PPOLL 73
static long sleep_for_ever(void)
{
	register long x8 __asm__("x8") = SYS_PPOLL;
	register long x0 __asm__("x0") = 0, x1 __asm__("x1") = 0, x2 __asm__("x2") = 0,
			 x3 __asm__("x3") = 0;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
}
#else
#error "write the system call ppoll for this machine"
#endif

void _start(void);
void _start(void)
{
	for (;;)
		sleep_for_ever();
}
