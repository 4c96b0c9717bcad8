/* lane_child.h: what a lane's process does. */
#ifndef POC_LANE_CHILD_H
#define POC_LANE_CHILD_H

#include "plugins/poc-worker/lane.h"

/* Opens the device, tests and tunes it, and answers questions on `fd` until it is closed. */
void lane_child(const struct poc_lane_spec *spec, int fd);

#endif
