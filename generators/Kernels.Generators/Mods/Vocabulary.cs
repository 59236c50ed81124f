namespace Kernels.Generators.Mods;

/// <summary>The lane vocabulary, and what stands for it where values are the same in all lanes.</summary>
internal static class Vocabulary
{
    public static string TypeOf(LaneType type, bool isUniform) => (type, isUniform) switch
    {
        (LaneType.Float, false) => "lanes_float",
        (LaneType.Float, true) => "float",
        (_, false) => "lanes_int",
        (_, true) => "int",
    };

    /// <summary>A text for lanes as one for scalars: the names are those of OpenCL C itself.</summary>
    public static string ToScalars(string text) => text
        .Replace("convert_lanes_int(", "convert_int_rtz(").Replace("convert_lanes_float(", "convert_float(")
        .Replace("lanes_select(", "select(").Replace("lanes_float", "float").Replace("lanes_uint", "uint").Replace("lanes_int", "int");
}
