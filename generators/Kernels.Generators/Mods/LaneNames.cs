using System.Globalization;
using System.Text;

namespace Kernels.Generators.Mods;

/// <summary>Names of C# as names of OpenCL C, each once in its scope.</summary>
internal sealed class LaneNames
{
    private static readonly HashSet<string> Reserved =
    [
        .. Words("""
            auto break case char const continue default do double else enum extern float for goto if inline int long register restrict
            return short signed sizeof static struct switch typedef union unsigned void volatile while bool half quad complex imaginary true
            false global local constant private generic kernel read_only write_only read_write uniform pipe image1d_t image2d_t image3d_t
            sampler_t take_registers give_registers linux unix event_t size_t ptrdiff_t intptr_t uintptr_t uchar ushort uint ulong
            atomic_int vec_step main asm
            """),
        .. Words("""
            acos acosh acospi asin asinh asinpi atan atan2 atanh atanpi atan2pi cbrt ceil copysign cos cosh cospi erfc erf exp exp2 exp10
            expm1 fabs fdim floor fma fmax fmin fmod fract frexp hypot ilogb ldexp lgamma lgamma_r log log2 log10 log1p logb mad maxmag
            minmag modf nan nextafter pow pown powr remainder remquo rint rootn round rsqrt sin sincos sinh sinpi sqrt tan tanh tanpi tgamma
            trunc abs abs_diff add_sat hadd rhadd clamp clz ctz mad_hi mad_sat max min mul_hi rotate sub_sat upsample popcount mad24 mul24
            degrees mix radians step smoothstep sign cross dot distance length normalize
            isequal isnotequal isgreater isgreaterequal isless islessequal islessgreater isfinite isinf isnan isnormal isordered isunordered
            signbit any all bitselect select shuffle shuffle2 printf barrier mem_fence prefetch
            """),
    ];

    private readonly HashSet<string> taken = [];

    /// <summary>Takes a name that nothing has yet: <paramref name="wanted"/>, or that with a number.</summary>
    public string Take(string wanted)
    {
        string name = wanted;
        for (int i = 2; !taken.Add(name); i++)
        {
            name = wanted + "_" + i.ToString(CultureInfo.InvariantCulture);
        }

        return name;
    }

    /// <summary>A name with a number, from 1.</summary>
    public string Number(string stem)
    {
        for (int i = 1; ; i++)
        {
            string name = stem + "_" + i.ToString(CultureInfo.InvariantCulture);
            if (taken.Add(name))
            {
                return name;
            }
        }
    }

    /// <summary>
    /// A name for a local variable or parameter. Keywords and built-in functions of OpenCL C get an underscore, and so do names
    /// without small letters, which could be a kernel's constants. The names of functions that mods become are kept for these.
    /// </summary>
    public string Variable(string name)
    {
        string ascii = Ascii(name);
        bool isReserved = Reserved.Contains(ascii)
            || !ascii.Any(c => c is >= 'a' and <= 'z')
            || ascii.StartsWith("__", StringComparison.Ordinal)
            || ascii.StartsWith("lanes_", StringComparison.Ordinal) || ascii.StartsWith("as_", StringComparison.Ordinal)
            || ascii.StartsWith("convert_", StringComparison.Ordinal) || IsVectorType(ascii);
        bool isFunction = ModKind.All.Any(kind => ascii.StartsWith(kind.Prefix, StringComparison.Ordinal));
        return Take(isFunction ? "my_" + ascii : isReserved ? (ascii[0] == '_' ? "x" : "") + ascii + "_" : ascii);
    }

    /// <summary>SlopeOf becomes slope_of.</summary>
    public static string Function(string name)
    {
        var text = new StringBuilder(name.Length + 8);
        string ascii = Ascii(name);
        for (int i = 0; i < ascii.Length; i++)
        {
            bool isCapital = ascii[i] is >= 'A' and <= 'Z';
            if (isCapital && i > 0 && ascii[i - 1] != '_'
                && (ascii[i - 1] is not (>= 'A' and <= 'Z') || (i + 1 < ascii.Length && ascii[i + 1] is >= 'a' and <= 'z')))
            {
                text.Append('_');
            }

            text.Append(isCapital ? (char)(ascii[i] + ('a' - 'A')) : ascii[i]);
        }

        return text.ToString();
    }

    /// <summary>OpenCL C knows no other letters.</summary>
    public static string Ascii(string name)
    {
        var text = new StringBuilder(name.Length);
        foreach (char c in name)
        {
            text.Append(c < 128 ? c.ToString() : "u" + ((int)c).ToString("x4", CultureInfo.InvariantCulture));
        }

        return text.ToString();
    }

    private static bool IsVectorType(string name)
    {
        string stem = name.TrimEnd('0', '1', '2', '3', '4', '6', '8');
        return stem.Length < name.Length
            && stem is "char" or "uchar" or "short" or "ushort" or "int" or "uint"
                or "long" or "ulong" or "float" or "double" or "half" or "bool";
    }

    private static string[] Words(string text) => text.Split([' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries);
}
