using CsCheck;

namespace Kernels.Mods.Tests.Properties;

/// <summary>Random choices of a generator that writes text.</summary>
internal sealed class Choices(PCG random)
{
    /// <summary>A number from <paramref name="first"/> to <paramref name="last"/>.</summary>
    public int Number(int first, int last) => first + (int)random.Next((uint)(last - first + 1));

    public bool Chance(int percent) => Number(1, 100) <= percent;

    public T Of<T>(params ReadOnlySpan<T> values) => values[Number(0, values.Length - 1)];

    public T[] Shuffled<T>(IEnumerable<T> values)
    {
        T[] all = [.. values];
        for (int i = all.Length - 1; i > 0; i--)
        {
            int other = Number(0, i);
            (all[i], all[other]) = (all[other], all[i]);
        }

        return all;
    }
}
