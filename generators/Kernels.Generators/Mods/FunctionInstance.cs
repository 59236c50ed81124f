using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Kernels.Generators.Mods;

/// <summary>A method as a function for one way of calling it.</summary>
internal sealed class FunctionInstance(int index, IMethodSymbol method, IReadOnlyList<bool> uniform, bool isGuarded, bool isEntry)
{
    public IMethodSymbol Method => method;

    /// <summary>For each parameter, whether it is the same in all lanes.</summary>
    public IReadOnlyList<bool> Uniform => uniform;

    /// <summary>Whether the last parameter says for which lanes the function is called.</summary>
    public bool IsGuarded => isGuarded;

    public bool IsEntry => isEntry;

    /// <summary>Stands in texts for the name, which is given when it is known what is called.</summary>
    public string Placeholder { get; } = "\u0001" + index.ToString(CultureInfo.InvariantCulture) + "\u0002";

    public string Name { get; set; } = "";

    public string Text { get; set; } = "";

    public bool IsTranslated { get; set; }

    /// <summary>Whether the result is the same in all lanes.</summary>
    public bool ReturnsUniform { get; set; }

    public bool HasProduct { get; set; }

    public bool HasSum { get; set; }

    public List<FunctionInstance> Callees { get; } = [];

    public HashSet<(LaneHelper Helper, bool IsUniform)> Helpers { get; } = [];
}
