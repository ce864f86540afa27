/* How much CPU time the container allows. */
#ifndef OS_CGROUP_H
#define OS_CGROUP_H

/* CPUs of the quota (v2 cpu.max, v1 cpu.cfs_quota_us) of the group that `list` (/proc/self/cgroup)
 * names and of all above it, below `mount`; rounded up, the smallest counts. 0: no limit, or none
 * to be read. */
int os_cgroup_cpus(const char *list, const char *mount);

#endif
