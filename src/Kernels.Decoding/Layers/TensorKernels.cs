using System.Text;
using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>The tensor cores' kernels for weights of one format, built when first used.</summary>
/// <param name="device">The device.</param>
/// <param name="format">The format of the weights.</param>
/// <remarks>Not thread-safe.</remarks>
internal sealed class TensorKernels(ComputeDevice device, WeightFormat format) : IDisposable
{
    private readonly Dictionary<TensorKernelForm, ComputeKernel> kernels = [];
    private readonly List<ComputeProgram> programs = [];

    /// <summary>A kernel.</summary>
    public ComputeKernel this[TensorKernelForm form]
    {
        get
        {
            if (!kernels.TryGetValue(form, out ComputeKernel? kernel))
            {
                ComputeProgram program = Sm90Assembly.GetOrBuild(
                    device.Programs, Encoding.UTF8.GetBytes(Source(form, format)), $"{form.Name}, {format}");
                programs.Add(program);
                kernel = program.CreateKernel(form.Name);
                kernels.Add(form, kernel);
            }

            return kernel;
        }
    }

    /// <summary>The source of a kernel.</summary>
    internal static string Source(TensorKernelForm form, WeightFormat format)
    {
        var source = new StringBuilder(form.Defines(format.HasGroups));
        string[] texts = form.Texts(format.HasGroups);
        if (format.HasGroups)
        {
            source.Append($"#define CODE {(int)format.Code}\n#define FOLDED {(format.Scale == WeightScale.PowerOfTwo ? 1 : 0)}\n");
            if (Array.IndexOf(texts, "tensor_group_arrange.cl") >= 0)
            {
                // Rows are read as the other kernels read them.
                source.Append(LayerKernels.FormatSource(format, WeightLayout.RowMajor));
            }
            else
            {
                source.Append($"#define CODE_ZERO {format.Zero}\n#define GROUP {format.Group}\n#define SCALE {(int)format.Scale}\n")
                    .Append($"#define MINIMUM {(format.HasMinimum ? 1 : 0)}\n");
            }
        }

        return source.AppendJoin(string.Empty, texts.Select(LayerKernels.Text)).ToString();
    }

    /// <summary>Frees the kernels.</summary>
    public void Dispose()
    {
        foreach (ComputeKernel kernel in kernels.Values)
        {
            kernel.Dispose();
        }

        foreach (ComputeProgram program in programs)
        {
            program.Dispose();
        }
    }
}
