#include "daemon/hop_stretch.h"

#define LATE_LOOKS 2
#define BUSY_LIMIT 0.7 /* what the recognizers may be busy after halving */
#define MAX_PATIENCE 16

void hop_stretch_init(struct hop_stretch *stretch)
{
    *stretch = (struct hop_stretch){.factor = 1, .patience = 1};
}

static void change_to(struct hop_stretch *stretch, unsigned factor)
{
    stretch->factor = factor;
    stretch->late_looks = 0;
    stretch->calm_looks = 0;
    stretch->settling = HOP_STRETCH_SETTLE_LOOKS;
}

static void lengthen(struct hop_stretch *stretch)
{
    if (stretch->on_trial && stretch->patience < MAX_PATIENCE)
        stretch->patience *= 2;
    stretch->on_trial = false;
    if (stretch->factor < HOP_STRETCH_MAX)
        change_to(stretch, stretch->factor * 2);
}

static void shorten(struct hop_stretch *stretch)
{
    stretch->on_trial = true;
    change_to(stretch, stretch->factor / 2);
}

unsigned hop_stretch_look(struct hop_stretch *stretch, bool late, double busy)
{
    if (stretch->settling > 0) {
        stretch->settling--;
        return stretch->factor;
    }
    stretch->late_looks = late ? stretch->late_looks + 1 : 0;
    const bool calm = !late && 2.0 * busy <= BUSY_LIMIT;
    stretch->calm_looks = calm ? stretch->calm_looks + 1 : 0;
    const unsigned needed = HOP_STRETCH_CALM_LOOKS * stretch->patience;
    if (stretch->late_looks >= LATE_LOOKS) {
        lengthen(stretch);
    } else if (stretch->calm_looks >= needed && stretch->factor > 1) {
        shorten(stretch);
    } else if (stretch->calm_looks >= needed) {
        /* As it was asked for, with room to spare: what was hard before is over. */
        stretch->patience = 1;
        stretch->on_trial = false;
        stretch->calm_looks = 0;
    }
    return stretch->factor;
}
