/*
 * The stress of the lock and the pool as unit tests, for a second or so each.
 */
#include <criterion/criterion.h>

#include "daemon_stress.h"

TestSuite(lock_stress, .timeout = 120);

static void stress(const struct stress *stress)
{
	const char *failure = stress_run(stress, 1);

	cr_expect_null(failure, "not met: %s", failure);
}

Test(lock_stress, one_thread_at_a_time_has_the_lock)
{
	stress(&stress_lock[0]);
}

Test(lock_stress, a_yield_with_waiters_lets_another_thread_run)
{
	stress(&stress_lock[1]);
}

Test(lock_stress, yielding_threads_take_turns)
{
	stress(&stress_lock[2]);
}

Test(lock_stress, nobody_starves)
{
	stress(&stress_lock[3]);
}

Test(lock_stress, timeouts_leave_no_trace)
{
	stress(&stress_lock[4]);
}

Test(lock_stress, handlers_off_the_lock_get_it_back)
{
	stress(&stress_pool[0]);
}

Test(lock_stress, handlers_of_all_manners_run_once)
{
	stress(&stress_pool[1]);
}

Test(lock_stress, concurrent_handlers_run_once)
{
	stress(&stress_pool[2]);
}

Test(lock_stress, one_thread_runs_jobs_in_order)
{
	stress(&stress_pool[3]);
}

Test(lock_stress, a_stop_gives_back_what_was_not_run)
{
	stress(&stress_pool[4]);
}
