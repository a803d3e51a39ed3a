// What this desktop knows, and how it answers. Every change is announced to those who subscribed.
const DESKTOP = "octostar:desktop:";
const REMOTE = "octostar:remoteapp:";
const ONTOLOGY = "octostar:ontology:";
const SEARCH = "octostar:savedSearch:";

class World {
  constructor({ announce, ask, tell }) {
    this.announce = announce; // (topic, value): to subscribers
    this.ask = ask; // {confirm, search}: questions to the person at the desktop
    this.tell = tell; // {notification, tab}: shown, no answer awaited
    this.user = { username: "ada", email: "ada@example.org", os_key: "local-desktop", async_channel: "local" };
    this.workspaces = [
      World.workspace("ws-1", "Harbour review"),
      World.workspace("ws-2", "Supplier check"),
      World.workspace("ws-3", "Archive"),
    ];
    this.items = [
      World.item("item-1", "Meridian Shipping", "company", "ws-1"),
      World.item("item-2", "Ines Duarte", "person", "ws-1"),
      World.item("item-3", "Invoice 2024-118", "document", "ws-2"),
    ];
    this.open = ["ws-1"];
    this.contextItem = "item-1";
    this.numbers = this.workspaces.length;
  }

  static workspace(id, name) {
    return { os_entity_uid: id, os_item_name: name, os_item_type: "os_workspace", entity_label: name };
  }

  static item(id, name, concept, workspace) {
    return { os_entity_uid: id, entity_label: name, os_concept: concept, entity_type: concept, os_workspace: workspace };
  }

  // values that a subscriber is told at once
  current(topic) {
    if (topic === `${REMOTE}whoami`) return this.user;
    if (topic === `${REMOTE}context`) return this.context();
    return undefined;
  }

  context() {
    return { item: this.findItem(this.contextItem) ?? null, os_workspace: this.open[0] ?? null, user: this.user };
  }

  findWorkspace(ws) {
    const id = typeof ws === "object" && ws ? ws.os_entity_uid ?? ws.os_workspace : ws;
    return this.workspaces.find((workspace) => workspace.os_entity_uid === id);
  }

  findItem(item) {
    const id = typeof item === "object" && item ? item.os_entity_uid : item;
    return this.items.find((known) => known.os_entity_uid === id);
  }

  require(found, what, given) {
    if (!found) throw new Error(`There is no ${what} ${JSON.stringify(given)} on this desktop.`);
    return found;
  }

  setUser(user) {
    this.user = { ...this.user, ...user };
    this.announce(`${REMOTE}whoami`, this.user);
  }

  setContext(itemId) {
    this.contextItem = itemId;
    this.announce(`${REMOTE}context`, this.context());
  }

  setOpen(ids) {
    this.open = ids.map((id) => this.require(this.findWorkspace(id), "workspace", id).os_entity_uid);
    this.announce(`${DESKTOP}onOpenWorkspaceIdsChanged`, [...this.open]);
    this.announce(`${DESKTOP}onOpenWorkspacesChanged`, this.open.map((id) => this.findWorkspace(id)));
  }

  create(name) {
    this.numbers += 1;
    const made = World.workspace(`ws-${this.numbers}`, String(name || "Untitled"));
    this.workspaces.push(made);
    this.setOpen([...this.open, made.os_entity_uid]);
    return made;
  }

  rename(id, name) {
    const workspace = this.require(this.findWorkspace(id), "workspace", id);
    workspace.os_item_name = workspace.entity_label = name;
    this.announce(`${DESKTOP}onWorkspaceChanged`, this.whole(workspace));
  }

  save(item) {
    const known = this.findItem(item);
    const saved = known ? Object.assign(known, item) : World.item(`item-${this.items.length + 1}`, "Untitled", "thing");
    if (!known) this.items.push(Object.assign(saved, item));
    this.announce(`${DESKTOP}onWorkspaceItemChanged`, saved);
    return saved;
  }

  whole(workspace) {
    return { workspace, items: this.items.filter((item) => item.os_workspace === workspace.os_entity_uid) };
  }

  call(topic, args) {
    const [first, second] = args;
    const answers = {
      [`${REMOTE}getCurrentWorkspaceId`]: () => this.open[0] ?? null,
      [`${REMOTE}dropZoneRequest`]: () => null,
      [`${REMOTE}setTransformResult`]: () => this.tell.notification({ message: "The app sent its result." }),
      [`${DESKTOP}openWorkspace`]: () => this.openOne(first),
      [`${DESKTOP}closeWorkspace`]: () => this.setOpen(this.open.filter((id) => id !== this.idOf(first))) ?? true,
      [`${DESKTOP}listAllWorkspaces`]: () => this.workspaces,
      [`${DESKTOP}getWorkspace`]: () => this.whole(this.require(this.findWorkspace(first), "workspace", first)),
      [`${DESKTOP}getItem`]: () => this.require(this.findItem(first), "item", first),
      [`${DESKTOP}getItems`]: () => [first].flat().map((item) => this.require(this.findItem(item), "item", item)),
      [`${DESKTOP}createWorkspace`]: () => this.create(first),
      [`${DESKTOP}save`]: () => this.save(first),
      [`${DESKTOP}open`]: () => this.tell.tab({ title: first?.entity_label ?? first?.os_item_name ?? "Item", ...second, item: first }),
      [`${DESKTOP}searchXperience`]: () => this.ask.search(this.items),
      [`${DESKTOP}getSearchResults`]: () => ({ results: this.items, total: this.items.length }),
      [`${DESKTOP}showTab`]: () => this.tell.tab(first ?? {}),
      [`${DESKTOP}showNotification`]: () => this.tell.notification(first ?? {}),
      [`${DESKTOP}showConfirm`]: () => this.ask.confirm(first ?? {}),
      [`${DESKTOP}showContextMenu`]: () => this.tell.notification({ message: "The app asked for a context menu." }),
      [`${DESKTOP}getOpenWorkspaceIds`]: () => [...this.open],
      [`${DESKTOP}setOpenWorkspaceIds`]: () => this.setOpen(first ?? []) ?? true,
      [`${DESKTOP}getPasteContext`]: () => ({ record: first?.record ?? null, items: this.items }),
      [`${DESKTOP}callAppService`]: () => this.tell.notification({ message: `The app called the service “${first?.service}”.` }),
      [`${DESKTOP}extras:createLinkChart`]: () => this.save({ entity_label: first?.name ?? "Link chart", os_concept: "link_chart" }),
      [`${ONTOLOGY}getAvailableOntologies`]: () => ["local"],
      [`${ONTOLOGY}getOntologyName`]: () => "local",
      [`${ONTOLOGY}getConcepts`]: () => ["company", "person", "document"].map((name) => ({ concept_name: name })),
      [`${ONTOLOGY}getConceptByName`]: () => ({ concept_name: first, properties: ["entity_label"] }),
      [`${ONTOLOGY}getEntityByID`]: () => this.require(this.findItem(first), "entity", first),
      [`${ONTOLOGY}getRelationshipCount`]: () => 0,
      [`${ONTOLOGY}getRelationshipsForEntity`]: () => [],
      [`${ONTOLOGY}getAllConnectedEntities`]: () => [],
      [`${ONTOLOGY}getSysInheritance`]: () => [],
      [`${ONTOLOGY}cancelQueries`]: () => true,
      [`${ONTOLOGY}sendQuery`]: () => this.items,
      [`${ONTOLOGY}sendQueryT`]: () => this.items,
      [`${SEARCH}getRecordsCount`]: () => this.items.length,
      [`${SEARCH}getRecordsCountQuery`]: () => "select count(*) from records",
      [`${SEARCH}getRecords`]: () => this.items,
      [`${SEARCH}getRecordsQuery`]: () => "select * from records",
      [`${SEARCH}getSavedSearchPasteContext`]: () => ({ items: this.items }),
    };
    if (!Object.hasOwn(answers, topic)) throw new Error(`This desktop does not know the call ${topic}.`);
    return answers[topic]();
  }

  idOf(ws) {
    return this.require(this.findWorkspace(ws), "workspace", ws).os_entity_uid;
  }

  openOne(ws) {
    const id = this.idOf(ws);
    if (!this.open.includes(id)) this.setOpen([...this.open, id]);
    return true;
  }
}
