/*
 * A shared object that is no plugin.
 */
__attribute__((visibility("default"))) int alien_number(void);

int alien_number(void)
{
	return 4;
}
