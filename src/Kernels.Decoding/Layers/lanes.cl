// What has no weights works on LANES elements side by side in a work-item: 16 on CPUs, whose vectors they fill, else 1. Set by the host.
#if LANES == 16
typedef float16 lanes_t;
#else
typedef float lanes_t;
#endif

// The elements from here on, at most LANES of them; lanes behind the count are 0.
static lanes_t load_lanes(global const float *from, int count)
{
#if LANES == 16
    if (count < 16)
    {
        float lanes[16] = {0};
        for (int i = 0; i < count; i++)
        {
            lanes[i] = from[i];
        }

        return vload16(0, lanes);
    }

    return vload16(0, from);
#else
    return *from;
#endif
}

static void store_lanes(lanes_t values, global float *to, int count)
{
#if LANES == 16
    if (count < 16)
    {
        float lanes[16];
        vstore16(values, 0, lanes);
        for (int i = 0; i < count; i++)
        {
            to[i] = lanes[i];
        }

        return;
    }

    vstore16(values, 0, to);
#else
    *to = values;
#endif
}
