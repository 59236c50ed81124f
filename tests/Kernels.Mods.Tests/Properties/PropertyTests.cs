using System.Diagnostics;
using System.Globalization;
using CsCheck;
using Kernels.Mods.Tests.Harness;
using Xunit.Abstractions;

namespace Kernels.Mods.Tests.Properties;

/// <summary>
/// Random programs on random batches give what the reference gives. A case follows from one number: a failure names it, and
/// PROPERTY_SEED=number PROPERTY_CASES=1 runs that case again. FULL=1, or PROPERTY_SECONDS, runs new cases for longer.
/// </summary>
[Collection(OnDevice.Name)]
public sealed class PropertyTests(ModDevice device, ITestOutputHelper output)
{
    private const int Cases = 12;
    private const int FullSeconds = 600;
    private const int MostTrials = 40;
    private const int MostSecondsOfTrials = 90;

    [SkippableFact]
    public void Random_programs_give_what_the_reference_gives()
    {
        var runner = new ProgramRunner(device.Device);
        ulong first = Setting("PROPERTY_SEED") ?? 1;
        ulong? seconds = Setting("PROPERTY_SECONDS") ?? (Environment.GetEnvironmentVariable("FULL") == "1" ? FullSeconds : null);
        ulong count = Setting("PROPERTY_CASES") ?? (seconds is null ? Cases : ulong.MaxValue - first);
        var clock = Stopwatch.StartNew();
        ulong seed = first;
        for (; seed - first < count && !(clock.Elapsed.TotalSeconds > seconds); seed++)
        {
            ProgramCase test = Draw(seed);
            if (seconds is not null)
            {
                // At once: a driver may take the process with it, or never come back.
                Console.Error.WriteLine($"{clock.Elapsed.TotalSeconds:F0} s: seed {seed}");
            }

            if (runner.Run(test) is { } failure)
            {
                (ProgramCase least, failure) = Simplify(runner, test, failure);
                Assert.Fail($"PROPERTY_SEED={seed} PROPERTY_CASES=1: {failure}\n{least}");
            }
        }

        output.WriteLine($"{seed - first} programs from seed {first} on, {clock.Elapsed.TotalSeconds:F0} s");
        Assert.True(seed > first);
    }

    [Fact]
    public void A_seed_always_draws_the_same_and_another_something_else()
    {
        Assert.Equal(Draw(5).ToString(), Draw(5).ToString());
        Assert.Equal(50, Enumerable.Range(1, 50).Select(seed => Draw((ulong)seed).ToString()).Distinct().Count());
    }

    [SkippableFact]
    public void A_kernel_that_differs_from_its_method_is_found_and_the_case_made_small()
    {
        // Here the reference is wrong instead, by one key of one query.
        var runner = new ProgramRunner(device.Device)
        {
            Distort = mods => mods with
            {
                MaskMod = (batch, head, query, key) => mods.MaskMod?.Invoke(batch, head, query, key) != false && (query, key) != (9, 5),
            },
        };
        var mod = new Mod(
            "Mask", [], "[MaskMod] internal static bool Mask(int batch, int head, int query, int key) => (query ^ key) % 5 != 3;");
        ProgramCase test = new(
            (2, 1), 16, [("Softcap", "30")], [mod], [(1, 3), (20, 20)], Prefix: 0, IsPortable: false, HasBlockMask: false, Seed: 3);
        string? failure = runner.Run(test);
        Assert.StartsWith("output error is", failure, StringComparison.Ordinal);
        (ProgramCase least, failure) = Simplify(runner, test, failure!);
        Assert.StartsWith("output error is", failure, StringComparison.Ordinal);
        Assert.Equal([(1, 10)], least.Lengths);
        Assert.Empty(least.Options);
        Assert.Empty(least.Mods);
        Assert.Null(new ProgramRunner(device.Device).Run(test));
    }

    private static ProgramCase Draw(ulong seed) => ProgramCase.Any.Generate(new PCG(1, seed), null, out _);

    /// <summary>A simpler case that fails too, as far as a number of trials, and a time, takes.</summary>
    private static (ProgramCase Least, string Failure) Simplify(ProgramRunner runner, ProgramCase failing, string failure)
    {
        int trials = 0;
        var clock = Stopwatch.StartNew();
        bool simpler;
        do
        {
            simpler = false;
            foreach (ProgramCase candidate in failing.Simpler())
            {
                // A case that no longer compiles has failed in another way.
                if (++trials > MostTrials || clock.Elapsed.TotalSeconds > MostSecondsOfTrials || runner.Run(candidate) is not { } other
                    || other.Contains("does not compile", StringComparison.Ordinal))
                {
                    continue;
                }

                (failing, failure, simpler) = (candidate, other, true);
                break;
            }
        }
        while (simpler && trials < MostTrials);

        return (failing, failure);
    }

    private static ulong? Setting(string name) =>
        ulong.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out ulong value) ? value : null;
}
