using System;
using System.Linq;
using Kernels.Odd;
using Kernels.OpenCL;
using Xunit;

namespace Kernels.OddSpecs.Tests;

/// <summary>What was generated for odd names, under settings that change what C# means.</summary>
public sealed class OddSpecTests
{
    [Fact]
    public void Types_that_differ_are_generated_apart()
    {
        Type[] specs =
            [.. typeof(OddSpecTests).Assembly.GetTypes().Where(type => type.GetInterfaces().Any(i => i.Name == "IAttentionSpec`1"))];
        Assert.Equal(17, specs.Length);
        Assert.Equal("dynamic", @dynamic.Descriptor.Name);
        Assert.Equal(4, @namespace.dynamic.@struct.IOuter.@event.CacheLayout.PageSize);
        Assert.Equal(8, global::Kernels.OpenCL.Foo.System.Attention.Kernels.HeadDim);
    }

    /// <summary>In a checked context the conversions of an index would throw before its check.</summary>
    [Fact]
    public void Indices_outside_their_axes_are_told_in_a_checked_context_too()
    {
        foreach ((int head, int token, int dim, string name) in new[] { (-1, 0, 0, "kvHead"), (1, 0, 0, "kvHead"), (0, -1, 0, "token"),
            (0, 10, 0, "token"), (0, 0, -1, "dim"), (0, 0, 8, "dim") })
        {
            Assert.Equal(
                name, Assert.Throws<ArgumentOutOfRangeException>(() => SPEC.CacheLayout.KeyOffset(0, head, token, dim, 10)).ParamName);
            Assert.Equal(
                name, Assert.Throws<ArgumentOutOfRangeException>(() => SPEC.CacheLayout.ValueOffset(0, head, token, dim, 10)).ParamName);
        }

        Assert.Equal("token", Assert.Throws<ArgumentOutOfRangeException>(() => SPEC.CacheLayout.KeyOffset(0, 0, 0, 0, -1)).ParamName);
        Assert.Equal(79, SPEC.CacheLayout.KeyOffset(0, 0, 9, 7, 10));
    }

    [SkippableFact]
    public void Odd_names_calculate_what_they_say()
    {
        using ComputeDevice device = Open();
        using var attention = new OddMods(device);
        using KvCache<OddMods> cache = attention.CreateCache(sequences: 1, capacity: 4);
        float[] slopes = [0.5f, -1f, 2f];
        using DeviceBuffer<float> buffer = device.Allocate<float>(slopes.Length);
        device.Queue.Write<float>(buffer, slopes);
        var inputs = new OddMods.Inputs
        {
            É = 0.1f, U00e9 = 0.2f, Input00e9 = 0.3f, Int = 0.4f, Int_ = 0.5f, Size = 0.6f, Item = 0.7f, First = 0.8f,
                Get_global_id = buffer,
            键 = 0.9f, 值 = 1.1f, Score_mod_half = 1.2f, Lanes_float = 1.3f, Local = 1.4f, Input = 1.5f,
        };

        float[] queries = new float[3 * 8], keys = new float[3 * 8], values = new float[3 * 8], outputs = new float[3 * 8];
        for (int i = 0; i < queries.Length; i++)
        {
            (queries[i], keys[i], values[i]) = (MathF.Sin(i), MathF.Cos(3 * i), i);
        }

        attention.Prefill(cache, cache.AddSequence(), queries, keys, values, outputs, inputs);
        double[] reference = OddMods.Reference(queries, keys, values, new()
        {
            É = 0.1f, U00e9 = 0.2f, Input00e9 = 0.3f, Int = 0.4f, Int_ = 0.5f, Size = 0.6f, Item = 0.7f, First = 0.8f,
                Get_global_id = slopes,
            键 = 0.9f, 值 = 1.1f, Score_mod_half = 1.2f, Lanes_float = 1.3f, Local = 1.4f, Input = 1.5f,
        });
        Assert.All(outputs.Zip(reference), pair => Assert.Equal(pair.Second, pair.First, 1e-3));
        for (int query = 0; query < 3; query++)
        {
            double[] weights = [.. Enumerable.Range(0, 3).Select(key =>
            {
                float dot = Enumerable.Range(0, 8).Sum(d => queries[(query * 8) + d] * keys[(key * 8) + d]) / MathF.Sqrt(8);
                return Math.Exp(
                    OddMods.KERNEL(
                        dot, 0, 0, query, key, 0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f, 0.7f, 0.8f, slopes, 0.9f, 1.1f, 1.2f, 1.3f, 1.4f, 1.5f));
            })];
            for (int d = 0; d < 8; d++)
            {
                double expected = Enumerable.Range(0, 3).Sum(key => weights[key] * values[(key * 8) + d]) / weights.Sum();
                Assert.Equal(expected, outputs[(query * 8) + d], 1e-3);
            }
        }
    }

    [SkippableFact]
    public void A_long_name_runs()
    {
        using ComputeDevice device = Open();
        using var attention =
            new 注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注意力注(device);
        using var cache = attention.CreateCache(sequences: 1, capacity: 1);
        float[] values = [1, 2, 3, 4, 5, 6, 7, 8], outputs = new float[8];
        attention.Prefill(cache, cache.AddSequence(), values, values, values, outputs);
        Assert.Equal(values, outputs);
    }

    private static ComputeDevice Open()
    {
        try
        {
            return ComputeDevice.Open(options: new() { Tuning = TuningMode.Off });
        }
        catch (NoDeviceException e)
        {
            Skip.If(true, e.Message);
            throw;
        }
    }
}
