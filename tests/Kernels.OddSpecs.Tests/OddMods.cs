using System;

namespace Kernels.Odd;

/// <summary>Mods whose inputs, locals and helpers have names that mean something in a kernel, or become one.</summary>
[AttentionKernel(1, 1, 8)]
public sealed partial class OddMods
{
    [ScoreMod]
    internal static float KERNEL(
        float half, int @float, int kernel, int KEYS, int score_mod_Slope, float é, float u00e9, float _00e9, float @int,
        float int_, float size,
        float item, float first, ReadOnlySpan<float> get_global_id, float 键, float 值, float score_mod_half, float lanes_float,
        float __local, float _)
    {
        float input_é = é - u00e9 + (2f * _00e9), uchar4 = @int - (3f * int_), score_mod_lanes = 4f * (size + item);
        float ROWS = first, M_PI = get_global_id[score_mod_Slope], as_int = 键 - 值, where_1 = lanes(score_mod_half), row = lanes_float;
        for (int exp = 0; exp < 3; exp++)
        {
            row += KEYS > exp ? Slope(__local) : half_(_);
        }

        return half + input_é + uchar4 + score_mod_lanes + ROWS + M_PI + as_int + where_1 + row + unchecked(@float * kernel);
    }

    private static float Slope(float convert_int) => convert_int * 0.25f;

    private static float half_(float mask_mod) => mask_mod - 1f;

    private static float lanes(float é)
    {
        float score_mod_slope = Slope(é), e\u0301 = 2f;
        return score_mod_slope * e\u0301;
    }
}
