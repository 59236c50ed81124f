using System.Collections;

namespace Kernels.Compiler.Emit.Text;

/// <summary>
/// What C# decides of a kernel's text, by name: text, numbers and conditions, functions of other text, and lists to go through.
/// Names are looked for here, then in the holes around.
/// </summary>
/// <param name="around">The holes around these.</param>
/// <param name="isShared">Whether these are for many templates, none of which needs all.</param>
internal sealed class Holes(Holes? around = null, bool isShared = false) : IEnumerable<string>
{
    private readonly Holes? around = around;
    private readonly Dictionary<string, object> values = [];

    /// <summary>The names that a template must speak of: of these holes and those around, up to the shared ones.</summary>
    public IEnumerable<string> Own => isShared ? [] : values.Keys.Concat(around?.Own ?? []);

    public void Add(string name, string text) => values.Add(name, text);

    /// <summary>Text that is made where it is used.</summary>
    public void Add(string name, Func<string> text) => values.Add(name, text);

    public void Add(string name, int number) => values.Add(name, C.Int(number));

    public void Add(string name, bool condition) => values.Add(name, condition);

    public void Add(string name, HoleFunction function) => values.Add(name, function);

    public void Add(string name, IEnumerable<string> list) => values.Add(name, list.Cast<object>().ToArray());

    public void Add(string name, IEnumerable<int> list) => Add(name, list.Select(C.Int));

    /// <summary>Holes of something: <c>${name.hole}</c>.</summary>
    public void Add(string name, Holes holes) => values.Add(name, holes);

    /// <summary>A list whose items have holes of their own: <c>${item.hole}</c> where the loop's name is <c>item</c>.</summary>
    public void Add(string name, IEnumerable<Holes> list) => values.Add(name, list.Cast<object>().ToArray());

    /// <summary>The value of a name, or null.</summary>
    public object? Find(string name)
    {
        int dot = name.IndexOf('.');
        return dot < 0 ? FindPlain(name) : (FindPlain(name[..dot]) as Holes)?.FindPlain(name[(dot + 1)..]);
    }

    private object? FindPlain(string name)
    {
        for (Holes? holes = this; holes is not null; holes = holes.around)
        {
            if (holes.values.TryGetValue(name, out object? value))
            {
                return value;
            }
        }

        return null;
    }

    /// <summary>These holes and one more, the item of a loop.</summary>
    public Holes With(string name, object item)
    {
        var holes = new Holes(this, isShared: true);
        holes.values.Add(name, item);
        return holes;
    }

    public IEnumerator<string> GetEnumerator() => values.Keys.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
